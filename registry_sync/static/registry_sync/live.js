/* A part of a page that moves: fetched again every few seconds while somebody looks and something
   goes on; once it has ended, the whole page is loaded again. Nothing moves under whoever is in it
   with the keyboard. A part without an address of its own is the page: it is loaded again. */
"use strict";

const PAUSE = 3000;

const whenSeen = (look) => {
  if (!document.hidden) return look();
  document.addEventListener("visibilitychange", () => whenSeen(look), { once: true });
};

for (const part of document.querySelectorAll("[data-live]")) {
  const again = () => setTimeout(() => whenSeen(look), PAUSE);
  const look = async () => {
    if (!part.dataset.live) {
      return part.contains(document.activeElement) ? again() : location.reload();
    }
    try {
      const answer = await fetch(part.dataset.live, { headers: { Accept: "text/html" } });
      if (answer.redirected || answer.status === 403) return location.reload();
      if (answer.ok) {
        const text = await answer.text();
        const fresh = new DOMParser().parseFromString(text, "text/html").body;
        if (fresh.querySelector("[data-ended]")) return location.reload();
        if (!part.contains(document.activeElement)) part.replaceChildren(...fresh.childNodes);
      }
    } catch { /* the service restarts, or the network is away: the next look tells */ }
    again();
  };
  again();
}
