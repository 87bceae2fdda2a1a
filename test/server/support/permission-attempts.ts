/** What eve tries, and what root does meanwhile. */
import type { PermissionRule } from '../../../server/src/core/permission-rules.ts';

export type Attempt =
  | {
      readonly do: 'publish' | 'http-publish' | 'root-publish';
      readonly exchange: string;
      readonly key: string;
    }
  | {
      readonly do: 'subscribe' | 'bind' | 'history' | 'http-history' | 'listen';
      readonly exchange: string;
      readonly pattern: string;
      readonly since: 'live' | 'earliest' | 'last-per-key';
    }
  | { readonly do: 'declare'; readonly exchange: string; readonly alternate: string | undefined }
  | { readonly do: 'passive' | 'delete'; readonly exchange: string }
  | {
      readonly do: 'link' | 'unlink';
      readonly exchange: string;
      readonly pattern: string;
      readonly to: string;
    }
  | { readonly do: 'bind-queue'; readonly exchange: string; readonly pattern: string; readonly queue: string }
  | {
      readonly do: 'declare-queue';
      readonly queue: string;
      readonly deadLetterExchange: string | undefined;
      readonly deadLetterKey: string | undefined;
    }
  | { readonly do: 'consume' | 'inspect' | 'purge' | 'delete-queue'; readonly queue: string }
  | { readonly do: 'reject' | 'cut' | 'list' }
  | { readonly do: 'grant'; readonly rules: readonly PermissionRule[] };
