// Draws the charts anew where there is JavaScript: with scales, and with what was when under the
// pointer. The figures stand in the page; nothing is fetched.
"use strict";

const HEIGHT = 140;
const GAP = 10;

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

const day = new Intl.DateTimeFormat(navigator.language, { day: "numeric", month: "short" });
const moment = new Intl.DateTimeFormat(navigator.language, { dateStyle: "medium", timeStyle: "short" });

// Tells in the caption what was when under the pointer, in place of its own words.
function telling(figure, money) {
  const caption = figure.querySelector("figcaption");
  const [words, point = caption.appendChild(document.createElement("span"))] = caption.children;
  point.hidden = true;
  return (plot) => {
    const at = plot.cursor.idx ?? -1;
    point.hidden = at < 0 || plot.cursor.left < 0;
    words.hidden = !point.hidden;
    if (!point.hidden) {
      point.textContent = `${moment.format(plot.data[0][at] * 1000)}: ${money.exact(plot.data[1][at])}`;
    }
  };
}

// As wide as the longest of the scale's labels.
function labelWidth(plot, labels, axis) {
  plot.ctx.font = plot.axes[axis].font[0];
  const widths = (labels ?? []).map((label) => plot.ctx.measureText(label).width);
  return Math.ceil(Math.max(0, ...widths) / devicePixelRatio) + GAP;
}

function options(figure, money) {
  const { line, text, grid } = colours(figure);
  const axis = { stroke: text, font: "12px system-ui, sans-serif", grid: { stroke: grid, width: 1 }, ticks: { show: false } };
  return {
    width: figure.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false } },
    padding: [8, 8, 0, 0],
    scales: { y: { range: (_plot, low, high) => [Math.min(low, 0), Math.max(high, 0) * 1.05 || 1] } },
    axes: [
      { ...axis, space: 80, size: 28, values: (_plot, ticks) => ticks.map((at) => day.format(at * 1000)) },
      { ...axis, space: 40, size: labelWidth, values: (_plot, ticks) => ticks.map(money.short) },
    ],
    series: [
      {},
      {
        stroke: line,
        width: 2,
        fill: `color-mix(in srgb, ${line} 12%, transparent)`,
        paths: uPlot.paths.stepped({ align: 1 }),
        points: { show: false },
      },
    ],
    hooks: { setCursor: [telling(figure, money)] },
  };
}

function draw(figure) {
  const told = JSON.parse(figure.dataset.chart);
  const balances = told.balances_minor.map((minor) => minor / 10 ** told.decimals);
  for (const old of figure.querySelectorAll("svg, .uplot")) {
    old.remove();
  }
  const plot = new uPlot(options(figure, moneyWriter(told)), [told.times_s, balances]);
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
