// Shows new mail without a reload by hand; stays quiet while somebody types, searches or reads further down.
const total = document.getElementById("count").dataset.total;
const isBusy = () => document.activeElement.matches("input") || window.scrollY > 80 || location.search;
setInterval(async () => {
  if (document.hidden || isBusy()) return;
  try {
    const info = await (await fetch("/api/v1/info")).json();
    if (String(info.Messages) !== total) location.reload();
  } catch {
    // The mailbox is being restarted; the next turn asks again.
  }
}, 2000);
