// A process that relays and can be killed: one transfer of a room in memory, on a folder and a port that outlive it.

import { memoryGate, openRelayRig } from './relay-rig.ts';

const [folder = '', port = '0', sizeBytes = '0', state = 'active'] = process.argv.slice(2);
const gate = memoryGate();
gate.add({ id: 't1', sizeBytes: Number(sizeBytes), state: state === 'over' ? 'over' : 'active' });
const rig = await openRelayRig({ folder, port: Number(port), gate, config: { window: 16 * 2 ** 20 } });
process.once('SIGTERM', () => void rig.close());
process.stdout.write('ready\n');
