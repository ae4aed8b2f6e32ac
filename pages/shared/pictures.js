// Saves the chart beside which it stands as a picture, with its title and what it is about inside.
const WIDTH = 1100, LINE = 18, LETTERS = 140;

export default function ({ data, parentElement }) {
  const said = parentElement.querySelector("p");
  for (const button of parentElement.querySelectorAll("button")) {
    button.textContent = data.words[button.dataset.format];
    button.onclick = async () => {
      said.textContent = "";
      try {
        await save(data, button.dataset.format);
      } catch (error) {
        console.warn(error);
        said.textContent = data.failed;
      }
    };
  }
}

async function save(data, format) {
  const graph = document.querySelector(`.st-key-${CSS.escape(data.chart)} .js-plotly-plot`);
  const look = getComputedStyle(document.querySelector("[data-testid=stApp]"));
  const notes = data.notes.flatMap(lines);
  const head = 50 + LINE * notes.length;
  const layout = structuredClone(graph.layout);
  const margin = { t: 0, l: 0, r: 0, b: 0, ...layout.margin };
  const width = Math.max(graph.clientWidth, WIDTH), height = graph.clientHeight + head;
  Object.assign(layout, {
    width, height, autosize: false,
    paper_bgcolor: look.backgroundColor, plot_bgcolor: look.backgroundColor,
    font: { ...layout.font, color: look.color, family: "sans-serif" },
    margin: { ...margin, t: margin.t + head, l: margin.l + 10, r: margin.r + 10, b: margin.b + 8 },
    title: {
      text: `<b>${safe(data.title)}</b>` + notes.map((note) => `<br><span style="font-size:13px">${safe(note)}</span>`).join(""),
      font: { size: 18, color: look.color }, x: 0, xref: "container", xanchor: "left", y: 1 - 20 / height, yref: "container", yanchor: "top",
      pad: { l: 18 }, automargin: false,
    },
  });
  const figure = { data: structuredClone(graph.data), layout, config: { staticPlot: true } };
  const address = await window.Plotly.toImage(figure, { format, width, height, scale: format === "png" ? 2 : 1 });
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = `${data.title.replace(/[\\/:*?"<>|\s]+/g, " ").slice(0, 80).trim()}.${format}`;
  anchor.click();
}

function safe(words) {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function lines(note) {
  const found = [""];
  for (const word of note.split(" ")) {
    if (found.at(-1) && found.at(-1).length + word.length >= LETTERS) found.push("");
    found.push(`${found.pop()} ${word}`.trim());
  }
  return found;
}
