/** The generator of the benchmarks, which may import nothing from tests. */
export { seededRandom } from '../../../bench/support/seeded-random.ts';
