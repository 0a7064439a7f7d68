// Draws the charts anew where there is JavaScript: with scales, and with what was when under the
// pointer. The figures stand in the page; nothing is fetched.
"use strict";

const HEIGHT = 150;

function moneyWriter({ currency, decimals }) {
  const style = { style: "currency", currency, minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  const whole = { style: "currency", currency, notation: "compact" };
  const exact = new Intl.NumberFormat(navigator.language, style);
  const short = new Intl.NumberFormat(navigator.language, whole);
  return { exact: (value) => exact.format(value), short: (value) => short.format(value) };
}

function colours(figure) {
  const style = getComputedStyle(figure);
  return {
    line: style.getPropertyValue("--pico-primary").trim(),
    text: style.getPropertyValue("--pico-muted-color").trim(),
    grid: style.getPropertyValue("--pico-muted-border-color").trim(),
  };
}

function draw(figure) {
  const told = JSON.parse(figure.dataset.chart);
  const money = moneyWriter(told);
  const { line, text, grid } = colours(figure);
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
  const options = {
    width: figure.clientWidth,
    height: HEIGHT,
    cursor: { y: false, drag: { x: false } },
    scales: { y: { range: (_plot, low, high) => [Math.min(low, 0), Math.max(high, 0) * 1.05 || 1] } },
    axes: [
      { ...axis, space: 70 },
      { ...axis, space: 40, size: 64, values: (_plot, ticks) => ticks.map(money.short) },
    ],
    series: [
      { label: "When", value: (_plot, at) => (at === null ? "" : new Date(at * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })) },
      {
        label: "Balance",
        stroke: line,
        width: 2,
        fill: `color-mix(in srgb, ${line} 12%, transparent)`,
        paths: uPlot.paths.stepped({ align: 1 }),
        points: { show: false },
        value: (_plot, value) => (value === null ? "" : money.exact(value)),
      },
    ],
  };
  const balances = told.balances_minor.map((minor) => minor / 10 ** told.decimals);
  for (const old of figure.querySelectorAll("svg, .uplot")) {
    old.remove();
  }
  const plot = new uPlot(options, [told.times_s, balances]);
  plot.root.setAttribute("aria-hidden", "true");
  figure.prepend(plot.root);
  return plot;
}

for (const figure of document.querySelectorAll("figure[data-chart]")) {
  let plot = draw(figure);
  new ResizeObserver(() => plot.setSize({ width: figure.clientWidth, height: HEIGHT })).observe(figure);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    plot = draw(figure);
  });
}
