export function renderComment(author, text) {
  const escape = (value) => value.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
  return `<li title="${escape(author)}">${escape(text)}</li>`;
}
