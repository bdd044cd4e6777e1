// `wherry/react`: the transfers of a daemon in somebody else's React app, as a store, a service without a face, and a panel.

export type { FaultReport } from '../../src/model/fault.ts';
export type { EtaView, TransferProgressView, TransferView } from '../../src/model/views.ts';
export { TransferPanel, type TransferPanelProps } from './transfer-panel.tsx';
export { TransferServiceComponent, type TransferServiceProps } from './transfer-service.tsx';
export { isFinished, type ServiceState, type TransferState, type TransferStore, transfer } from './transfer-store.ts';
