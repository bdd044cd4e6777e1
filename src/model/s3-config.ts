// What the configuration says of object stores: where they are, and where the credentials for them lie.

import { z } from 'zod';

const store = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('URL of the server; left out: Amazon, or what AWS_ENDPOINT_URL_S3 says'),
  region: z.string().min(1).max(100).optional().describe('Default is AWS_REGION, else us-east-1 with an endpoint'),
  forcePathStyle: z
    .boolean()
    .optional()
    .describe('The bucket stands in the path and not in the host name; default is true with an endpoint'),
  profile: z.string().min(1).max(200).optional().describe('Section of the credentials file; default is AWS_PROFILE'),
  credentialsFile: z
    .string()
    .min(1)
    .optional()
    .describe('A file like ~/.aws/credentials; left out: environment, ~/.aws, machine role'),
});

export const s3ConfigSchema = store.extend({
  buckets: z
    .record(z.string().min(1).max(255), store)
    .default({})
    .describe('Other settings for single buckets; what is left out is as above'),
});

/** Of one bucket. */
export type S3Settings = z.output<typeof store>;
export type S3Config = z.output<typeof s3ConfigSchema>;

/** What holds for a bucket. */
export function s3SettingsOf(config: S3Config | undefined, bucket: string): S3Settings {
  if (config === undefined) return {};
  const { buckets, ...all } = config;
  return { ...all, ...(Object.hasOwn(buckets, bucket) ? buckets[bucket] : {}) };
}
