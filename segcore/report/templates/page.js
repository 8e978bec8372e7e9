/* Draws every chart of the page, one after the other so that the page stays responsive, and fits them to
   paper before printing. The charts' colours are CSS variables, so a change of theme needs no code. */
(async () => {
  "use strict";
  const { config, specs } = JSON.parse(document.getElementById("charts").textContent);
  const drawn = [];

  const height = (holder) =>
    Math.round(Math.max(300, Math.min(600, holder.clientWidth * Number(holder.dataset.aspect))));

  const fit = () => {
    for (const { holder, view } of drawn) {
      view.width(holder.clientWidth);
      if (holder.dataset.aspect) view.height(height(holder));
      view.run();
    }
  };

  for (const holder of document.querySelectorAll("[data-chart]")) {
    const spec = specs[holder.dataset.chart];
    const finding = holder.getAttribute("aria-label");
    if (holder.dataset.aspect) spec.height = height(holder);
    try {
      const { view } = await vegaEmbed(holder, spec, {
        config, mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false,
        tooltip: { theme: "custom" },
      });
      drawn.push({ holder, view });
      // Vega puts a label of its own over the finding.
      holder.setAttribute("role", "img");
      holder.setAttribute("aria-label", finding);
      holder.removeAttribute("aria-roledescription");
    } catch (error) {
      console.error(holder.dataset.chart, error);
    }
  }

  let waiting;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(fit, 120); });

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not(.screen):not([open])")];
    opened.forEach((details) => { details.open = true; });
    document.documentElement.classList.add("printing");
    fit();
  });
  addEventListener("afterprint", () => {
    opened.forEach((details) => { details.open = false; });
    document.documentElement.classList.remove("printing");
    fit();
  });
  document.documentElement.dataset.charts = "drawn";
})();
