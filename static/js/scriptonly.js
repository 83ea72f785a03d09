/* Shows what only works with a script, and hides what is only needed without one. */

export function showScripted(root) {
  for (const element of root.querySelectorAll("[data-no-script]")) element.hidden = true;
  for (const element of root.querySelectorAll("[data-script-only]")) element.hidden = false;
}
