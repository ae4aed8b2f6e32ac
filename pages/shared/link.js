// Copies the address of the view; where the browser forbids it (no https), shows it to be copied by hand.
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  const said = parentElement.querySelector("p");
  const field = parentElement.querySelector("input");
  button.textContent = data.words.copy;
  field.setAttribute("aria-label", data.words.by_hand);
  button.onclick = async () => {
    const address = new URL(window.location.href);
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
