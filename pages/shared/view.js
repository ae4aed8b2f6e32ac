// Copies the address of the view; where the browser forbids it (no https), shows it to be copied by hand.
// Lets keyboards reach what scrolls, Enter end the typing of a day, and charts shrink with the sheet that is printed.
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  const said = parentElement.querySelector("p");
  const field = parentElement.querySelector("input");
  button.querySelector("span").textContent = data.words.copy;
  field.setAttribute("aria-label", data.words.by_hand);
  button.onclick = async () => {
    const address = new URL(window.location.href);
    for (const key of data.keys) address.searchParams.delete(key);
    for (const [key, values] of Object.entries(data.chosen)) {
      for (const value of values) address.searchParams.append(key, value);
    }
    address.searchParams.set("lang", data.language);
    field.value = address.toString();
    field.hidden = true;
    if (await copied(field)) {
      said.textContent = data.words.copied;
      setTimeout(() => { said.textContent = ""; }, 3000);
    } else {
      said.textContent = data.words.by_hand;
      field.hidden = false;
      field.select();
    }
  };
  window.addEventListener("beforeprint", shrinkable);
  document.addEventListener("keydown", entered, true);
  let soon = setTimeout(reachable, 300);
  const observer = new MutationObserver(() => { clearTimeout(soon); soon = setTimeout(reachable, 300); });
  observer.observe(document.querySelector("[data-testid=stMain]"), { childList: true, subtree: true });
  return () => {
    observer.disconnect();
    clearTimeout(soon);
    window.removeEventListener("beforeprint", shrinkable);
    document.removeEventListener("keydown", entered, true);
  };
}

// What scrolls can be scrolled by keyboard too.
function reachable() {
  for (const block of document.querySelectorAll("[data-testid=stMain] [overflow=auto], [data-testid=stMain] [class*=st-key-heat_]")) {
    block.tabIndex = 0;
  }
}

// A day that was typed counts for Streamlit once its calendar is closed, which Escape does and Enter does not.
function entered(event) {
  if (event.key === "Enter" && event.target.closest("[data-testid=stDateInputField] [role=spinbutton]")) {
    event.target.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  }
}

function shrinkable() {
  for (const picture of document.querySelectorAll(".js-plotly-plot .main-svg")) {
    if (!picture.hasAttribute("viewBox")) {
      picture.setAttribute("viewBox", `0 0 ${picture.getAttribute("width")} ${picture.getAttribute("height")}`);
      picture.setAttribute("preserveAspectRatio", "xMinYMin meet");
    }
  }
}

async function copied(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.hidden = false;
    field.select();
    const done = document.execCommand("copy");
    field.hidden = done;
    return done;
  }
}
