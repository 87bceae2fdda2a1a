import 'uplot/dist/uPlot.min.css';
import { render } from 'preact';
import { Dashboard } from './dashboard.tsx';
import { DashboardModel } from './dashboard-model.ts';

const model = new DashboardModel();
void model.start();
// Coming back from the back/forward cache would show a page without a connection.
addEventListener('pagehide', () => model.stop());
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());

render(<Dashboard model={model} />, document.getElementById('app')!);
