// Sets the chosen theme before the first paint, so that a dark page never flashes white.
try {
  const chosen = localStorage.getItem('wherry.theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch {
  // A browser that forbids storage gets the system's theme.
}
