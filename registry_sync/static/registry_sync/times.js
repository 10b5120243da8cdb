/* Times in the reader's own time zone, which each of them names. Without this script they stay in
   UTC. The title keeps UTC, for comparing with logs and exports. */
"use strict";

const english = navigator.language.startsWith("en") ? navigator.language : "en-GB";
const local = new Intl.DateTimeFormat(english, {
  calendar: "gregory", numberingSystem: "latn", hourCycle: "h23", timeZoneName: "short",
  year: "numeric", month: "2-digit", day: "2-digit",
  hour: "2-digit", minute: "2-digit", second: "2-digit",
});

const localize = (time) => {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime()) || time.dataset.local) return;
  const part = Object.fromEntries(local.formatToParts(at).map(({ type, value }) => [type, value]));
  const clock = [part.hour, part.minute];
  if (/\d\d:\d\d:\d\d/.test(time.textContent)) clock.push(part.second);
  time.dataset.local = "yes";
  time.textContent =
    `${part.year}-${part.month}-${part.day} ${clock.join(":")} ${part.timeZoneName}`;
};

const all = () => document.querySelectorAll("time[datetime]:not([data-local])").forEach(localize);
all();
// A run's page replaces the part that moves.
new MutationObserver(all).observe(document.body, { childList: true, subtree: true });
