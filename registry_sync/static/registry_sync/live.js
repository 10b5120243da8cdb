/* A part of a page that moves: fetched again every few seconds while somebody looks and something
   goes on; once it has ended, the whole page is loaded again. Nothing moves under whoever is in it
   with the keyboard, and no one who follows a link is held back. A part without an address of its
   own is the page: it is loaded again. */
"use strict";

const PAUSE = 3000;
const LEAVING = 15000;

const whenSeen = (look) => {
  if (!document.hidden) return look();
  document.addEventListener("visibilitychange", () => whenSeen(look), { once: true });
};

// To load the page again would cancel a link that was followed. A download leaves the page open.
let left = -Infinity;
addEventListener("beforeunload", () => { left = performance.now(); });

for (const part of document.querySelectorAll("[data-live]")) {
  const again = () => setTimeout(() => whenSeen(look), PAUSE);
  const reload = () => performance.now() - left < LEAVING ? again() : location.reload();
  const look = async () => {
    if (!part.dataset.live) {
      return part.contains(document.activeElement) ? again() : reload();
    }
    try {
      const answer = await fetch(part.dataset.live, { headers: { Accept: "text/html" } });
      if (answer.redirected || answer.status === 403) return reload();
      if (answer.ok) {
        const text = await answer.text();
        const fresh = new DOMParser().parseFromString(text, "text/html").body;
        if (fresh.querySelector("[data-ended]")) return reload();
        if (!part.contains(document.activeElement)) part.replaceChildren(...fresh.childNodes);
      }
    } catch { /* the service restarts, or the network is away: the next look tells */ }
    again();
  };
  again();
}
