// Stands in for @elizaos/core: 117 packages, 160 MB, of which the client needs these types alone.

export type UUID = `${string}-${string}-${string}-${string}-${string}`;
export type Agent = unknown;
export type ChannelType = unknown;
