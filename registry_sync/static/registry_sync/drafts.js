// The inputs of the rule that is chosen; a preview that is under way shows itself anew.
document.querySelectorAll("select[data-rule]").forEach((select) => {
  const show = () => {
    select.parentElement.querySelectorAll("[data-for]").forEach((part) => {
      part.hidden = part.dataset.for !== select.value;
    });
  };
  select.addEventListener("change", show);
  show();
});
const waiting = document.querySelector("[data-refresh]");
if (waiting) {
  setTimeout(() => location.reload(), 1000 * Number(waiting.dataset.refresh));
}
