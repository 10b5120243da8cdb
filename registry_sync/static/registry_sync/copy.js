/* A button that copies a text. Without this script, the text is selected by hand. */
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  const text = document.getElementById(button.dataset.copy);
  const said = document.querySelector("[data-copied]");
  button.parentElement.hidden = false;
  button.addEventListener("click", async () => {
    text.select();
    try {
      await navigator.clipboard.writeText(text.value);
    } catch { // no permission, or no HTTPS: the older way needs neither
      document.execCommand("copy");
    }
    said.textContent = "Copied.";
  });
}
