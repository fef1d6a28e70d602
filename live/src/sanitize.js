// Stands in for `sanitize-html`, which base-manager calls on the descriptions of widgets: DOMPurify is a tenth of it.
import DOMPurify from 'dompurify';

export default function sanitize(text, { allowedTags, allowedAttributes }) {
  const attributes = new Set(Object.values(allowedAttributes).flat().filter((name) => !name.endsWith('*')));
  return DOMPurify.sanitize(text, { ALLOWED_TAGS: allowedTags, ALLOWED_ATTR: [...attributes], ALLOW_ARIA_ATTR: true });
}
