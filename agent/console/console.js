/* Conveniences only: every page works without. SPDX-License-Identifier: Apache-2.0 */
"use strict";
for (const button of document.querySelectorAll("button.copy")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}
/* The overview keeps itself fresh while it is looked at. */
if (location.pathname === "/") {
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch("/", { cache: "no-store" });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      document.querySelector("main").replaceWith(fresh.querySelector("main"));
      document.querySelector("footer").replaceWith(fresh.querySelector("footer"));
    } catch { /* the agent is away: what is shown keeps its time */ }
  }, 15000);
}
