function escapeHtml(value) {
  return value.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;').replace('"', '&quot;');
}

export function renderComment(author, text) {
  return `<li title="${escapeHtml(author)}">${escapeHtml(text)}</li>`;
}
