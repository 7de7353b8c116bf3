const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escapeHtml(value) {
  return String(value).replace(/[&<>"']/g, (char) => ENTITIES[char]);
}

export function renderComment(author, text) {
  return `<li title="${escapeHtml(author)}">${escapeHtml(text)}</li>`;
}
