# farringtonFlexible of the R package surveillance on daily counts: Rscript farrington.R IN.csv OUT.csv DAYS KIND
# IN, OUT: days x series without a header; OUT holds the p-value of each of the last DAYS days.
# KIND: "weekday" = each weekday is a weekly series of its own; "week" = the sums of seven days, ending on each weekday;
# "daily" = the days as they are.
suppressMessages(library(surveillance))
given <- commandArgs(trailingOnly = TRUE)
counts <- as.matrix(read.csv(given[1], header = FALSE))
days <- as.integer(given[3])
kind <- given[4]
n <- nrow(counts)

p_values <- function(series, judged, yearly, periods) {
  control <- list(
    range = (nrow(series) - judged + 1):nrow(series), b = 5, w = 3, noPeriods = periods, reweight = TRUE,
    weightsThreshold = 2.58, pastWeeksNotIncluded = yearly / 2, pThresholdTrend = 1, thresholdMethod = "nbPlugin",
    alpha = 0.01, limit54 = c(5, 4), glmWarnings = FALSE
  )
  made <- sts(observed = series, frequency = yearly, start = c(2012, 1))
  suppressWarnings(farringtonFlexible(made, control))@control$pvalue
}

if (kind == "week") counts <- apply(counts, 2, function(one) as.numeric(stats::filter(one, rep(1, 7), sides = 1)))
if (kind == "daily") {
  found <- p_values(counts, days, 364, 10)
} else {
  found <- matrix(NA_real_, days, ncol(counts))
  for (weekday in 1:7) {
    rows <- seq(n - 7 + weekday, 1, by = -7)
    series <- counts[rev(rows), , drop = FALSE]
    series <- series[stats::complete.cases(series), , drop = FALSE]
    judged <- days %/% 7
    found[seq(weekday, days, by = 7), ] <- p_values(series, judged, 52, 10)
  }
}
write.table(found, given[2], sep = ",", row.names = FALSE, col.names = FALSE)
