// The pages of coming in follow the theme chosen in the shell; without a choice, the machine's.
(() => {
  "use strict";
  let chosen = "";
  try {
    chosen = JSON.parse(localStorage.getItem("adminTheme") || '""');
  } catch {
    chosen = "";
  }
  const dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("dark", dark);
})();
