// The inputs of the rule that is chosen.
document.querySelectorAll("select[data-rule]").forEach((select) => {
  const show = () => {
    select.parentElement.querySelectorAll("[data-for]").forEach((part) => {
      part.hidden = part.dataset.for !== select.value;
    });
  };
  select.addEventListener("change", show);
  show();
});
