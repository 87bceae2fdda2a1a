/**
 * The settings as a JSON Schema, by which editors complete and check a configuration file.
 */
import * as z from 'zod';
import { schema } from './schema.ts';

export const configJsonSchema = (): object => ({
  ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }),
  title: 'Settings of a Ringhub hub',
});
