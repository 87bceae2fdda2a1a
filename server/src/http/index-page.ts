/**
 * The page at `/`: what this hub offers and how to try it. It holds no script and no secret.
 */
import { createHash } from 'node:crypto';

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h1 + p { margin-top: .25rem; }
pre { padding: .75rem; overflow-x: auto; border: 1px solid #8886; border-radius: 6px; }
li { margin: .25rem 0; }
`;

/** What a page policy needs to allow the style above. */
export const INDEX_STYLE_HASH = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

export interface IndexPage {
  readonly dev: boolean;
  /** As the browser called it, such as `127.0.0.1:8080`. */
  readonly host: string;
  readonly isSecure: boolean;
  readonly pages: readonly string[];
}

export function indexPage({ dev, host, isSecure, pages }: IndexPage): string {
  const s = isSecure ? 's' : '';
  const at = escapeHtml(host);
  const demos = pages.map((name) => `<li><a href="/demo/${name}/">${escapeHtml(capital(name))}</a></li>`);
  const token = dev ? 'the token that the hub printed at its start' : 'your token';
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ringhub</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
<h1>Ringhub</h1>
<p>You get every message, or you are told exactly which ones you missed and why.</p>
${demos.length > 0 ? `<h2>Demos</h2>\n<ul>\n${demos.join('\n')}\n</ul>` : ''}
<h2>Publish</h2>
<p>In a terminal, with ${token} as <code>RINGHUB_TOKEN</code>:</p>
<pre>curl -H "Authorization: Bearer $RINGHUB_TOKEN" \\
  -d hello 'http${s}://${at}/v1/publish?key=greeting.world'</pre>
<h2>Subscribe</h2>
<p>In the console of this page:</p>
<pre>${escapeHtml(subscribing(dev))}</pre>
<p>Or by hand, as the protocol is text:</p>
<pre>npx wscat -c ws${s}://${at}/v1/ws -s ringhub.v1.json</pre>
<h2>Operate</h2>
<ul>
<li><a href="/readyz?verbose">/readyz</a>, <a href="/livez">/livez</a></li>
<li><a href="/metrics">/metrics</a> for Prometheus${dev ? '' : ', with a token'}</li>
<li><a href="/v1/stats">/v1/stats</a> as JSON${dev ? '' : ', with a token'}</li>
<li><a href="/v1/openapi.json">/v1/openapi.json</a> describes what HTTP offers</li>
</ul>
</html>
`;
}

/** Lines for the console, which takes `await` but no `import` statement. */
const subscribing = (dev: boolean): string => `const { connect } = await import('/sdk/ringhub.js');
${dev ? "const { token } = await (await fetch('/v1/dev/token')).json();" : "const token = '…';"}
const hub = await connect('/', { token });
const sub = await hub.subscribe('amq.topic', 'greeting.#');
for await (const event of sub) console.log(event.routingKey, event.data);`;

const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1).replaceAll('-', ' ');

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c] as string);
