// Shows what a mark stands for while it is pointed at, and keeps it open when it is tapped. Without it, a mark leads to its row.
"use strict";
const card = document.getElementById("card");
let kept = null;

function show(mark) {
  for (const other of document.querySelectorAll(".on")) other.classList.remove("on");
  const row = document.getElementById("n" + mark.dataset.n);
  mark.classList.add("on");
  row.classList.add("on");
  card.innerHTML = row.querySelector("template").innerHTML;
  card.hidden = false;
  const box = mark.querySelector(".hit").getBoundingClientRect();
  const left = Math.min(Math.max(12, box.right + 8), innerWidth - card.offsetWidth - 12);
  const below = box.bottom + 8 + card.offsetHeight < innerHeight;
  card.style.left = left + "px";
  card.style.top = Math.max(12, below ? box.bottom + 8 : box.top - card.offsetHeight - 8) + "px";
}

function hide() {
  kept = null;
  card.hidden = true;
  for (const other of document.querySelectorAll(".on")) other.classList.remove("on");
}

for (const mark of document.querySelectorAll(".mark")) {
  mark.addEventListener("pointerenter", () => kept || show(mark));
  mark.addEventListener("pointerleave", () => kept || hide());
  mark.addEventListener("focus", () => show(mark));
  mark.addEventListener("click", (event) => {
    event.preventDefault();
    event.stopPropagation();
    if (kept === mark) return hide();
    kept = mark;
    show(mark);
  });
}
document.addEventListener("click", (event) => card.contains(event.target) || hide());
document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
document.addEventListener("scroll", hide, true);
