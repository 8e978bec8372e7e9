/* Shows what a mark stands for; the page is whole without it. */
(() => {
  "use strict";
  const box = document.createElement("div");
  box.className = "tip";
  box.setAttribute("role", "tooltip");
  document.body.append(box);

  const show = (event) => {
    const mark = event.target.closest?.("[data-tip]");
    box.classList.toggle("shown", Boolean(mark));
    if (!mark) return;
    box.textContent = mark.dataset.tip;
    const { clientWidth, clientHeight } = document.documentElement;
    box.style.left = `${Math.max(4, Math.min(event.clientX + 12, clientWidth - box.offsetWidth - 4))}px`;
    const below = event.clientY + 16;
    box.style.top = `${below + box.offsetHeight < clientHeight ? below : event.clientY - box.offsetHeight - 12}px`;
  };
  document.addEventListener("pointermove", show, { passive: true });
  document.addEventListener("pointerdown", show, { passive: true });

  // On paper everything is open.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not(.screen):not([open])")];
    opened.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((details) => { details.open = false; }));
})();
