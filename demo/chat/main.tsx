import { render } from 'preact';
import { ChatPage } from './chat-page.tsx';
import { cleanName } from './rooms.ts';
import { Table } from './table.ts';

/** `?as=Ada` is one window of that name, `?as=Ada,Ben` are two side by side. */
const asked = (new URLSearchParams(location.search).get('as') ?? '')
  .split(',')
  .map(cleanName)
  .filter(Boolean);
const WIDE = '(min-width: 800px)';

const table = new Table(asked, matchMedia(WIDE).matches ? 2 : 1);
// Coming back from the back/forward cache would show a page without a connection.
addEventListener('pagehide', () => table.close());
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());

render(<ChatPage table={table} />, document.getElementById('app')!);
