/**
 * Tells of each administrator's action, done or refused, however it was asked for (PROTOCOL §21): what changes exchanges,
 * named queues and what leads to them, purges, and closing sessions. Subscribing and consuming are none.
 */
import type { AuditEntry, QueueCommand, TopologyChange } from '../ports/hub-api.ts';
import type { Asker } from './named-queues.ts';
import type { Refusal } from './subscriptions.ts';

export class Audit {
  constructor(private readonly tell: (entry: AuditEntry) => void) {}

  /** Tells of a command once its answer is there. */
  of<A extends object | undefined>(
    asker: Asker,
    command: TopologyChange | QueueCommand,
    answer: (answer?: A) => void,
  ): (answer?: A) => void {
    if (isQuestion(command)) return answer;
    return (given) => {
      this.done(asker, command.type, objectOf(command), given);
      answer(given);
    };
  }

  done({ principal, session }: Asker, action: string, on: string, answer: object | undefined): void {
    const { subject, role } = principal;
    const outcome = answer && 'error' in answer ? (answer as Refusal).error : 'done';
    this.tell({ subject, role, ...(session && { session: session.id }), action, on, outcome });
  }
}

const isQuestion = (command: TopologyChange | QueueCommand): boolean =>
  command.type === 'inspect' ||
  ((command.type === 'declare' || command.type === 'declareQueue') && 'passive' in command.options);

function objectOf(command: TopologyChange | QueueCommand): string {
  switch (command.type) {
    case 'declare':
    case 'delete':
      return `exchange ${command.exchange}`;
    case 'bind':
    case 'unbind': {
      const { to, binding } = command;
      const [exchange, key] = binding;
      const destination = typeof to === 'string' ? `exchange ${to}` : `queue ${to.queue}`;
      return `exchange ${exchange}, key ${key}, to ${destination}`;
    }
    case 'declareQueue':
    case 'deleteQueue':
    case 'purge':
    case 'inspect':
      return `queue ${command.name}`;
    default:
      return command satisfies never;
  }
}
