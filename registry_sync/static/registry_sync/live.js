/* A part of a page that moves: fetched again every few seconds while its run goes on; once it has
   ended, the whole page is loaded anew. Nothing moves under whoever is in it with the keyboard. */
"use strict";

for (const part of document.querySelectorAll("[data-live]")) {
  const again = () => setTimeout(look, document.hidden ? 15000 : 3000);
  const look = async () => {
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
