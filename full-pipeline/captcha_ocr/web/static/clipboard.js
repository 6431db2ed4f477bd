/** Puts an element's text on the clipboard; false when the browser does not let it. */
export async function copyText(node) {
  try {
    await navigator.clipboard.writeText(node.textContent);
    return true;
  } catch (error) {
    // There is none over plain http from another machine. The old way copies what is selected.
    getSelection().selectAllChildren(node);
    return document.execCommand("copy");
  }
}
