/** A person as a letter in a circle, in their colour. */
import { toneOf } from './people-names.ts';

export const Avatar = ({ name }: { readonly name: string }) => (
  <i class={`avatar ${toneOf(name)}`} aria-hidden="true">
    {[...name][0]?.toUpperCase()}
  </i>
);
