// What makes the pages better where there is JavaScript. Nothing here is needed.
"use strict";

// A second click on a button that sends a form does nothing: the first is on its way.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  if (form.method === "post") {
    form.dataset.sent = "yes";
    const button = event.submitter;
    if (button) {
      button.setAttribute("aria-busy", "true");
    }
  }
});

// Whoever comes back to a page with the back button may send its form again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-busy]")) {
      button.removeAttribute("aria-busy");
    }
  }
});

// Times are written in UTC; hovering tells them by the visitor's own clock.
for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  time.title = at.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
}

// A new password: its length against the advised one, in words and as a bar.
for (const shown of document.querySelectorAll("[data-strength]")) {
  const input = document.getElementById(shown.dataset.strength);
  const advised = Number(shown.dataset.advised);
  const show = () => {
    const length = Array.from(input.value).length;
    const level = length === 0 ? "" : length < 8 ? "short" : length < advised ? "fair" : "strong";
    const words = {
      "": "",
      short: "Too short: 8 characters are needed.",
      fair: `Accepted. ${advised} characters or more are stronger.`,
      strong: "Strong, if it is not a known phrase.",
    };
    shown.dataset.level = level;
    if (shown.textContent !== words[level]) {
      shown.textContent = words[level];
    }
  };
  input.addEventListener("input", show);
  show();
}
