/** The project's mark, in the colours of the page; `.mark` in base.css. */
export const Mark = () => (
  <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" class="mark">
    <path d="M16 5a11 11 0 0 1 11 11" />
    <path d="M27 16a11 11 0 0 1-19 7.6" class="faint" />
    <path d="M5.5 19A11 11 0 0 1 10.5 6.4" class="warm" />
    <circle cx="16" cy="16" r="3.5" />
  </svg>
);
