// What happens to files that have arrived where the configuration says nothing: photos and videos get what a page of recordings needs.

import { type Pipeline, pipelineSchema } from '../model/pipeline.ts';

/** Whatever of it cannot be done (a photo without a preview, a broken video, no exiftool) is noted, and does not keep the original from counting. */
export const defaultPipelines: readonly Pipeline[] = [
  pipelineSchema.parse({
    name: 'media',
    files: [
      '*.{jpg,jpeg,jpe,png,webp,tif,tiff,bmp,gif,insp,heic,heif,avif,dng,gpr,cr2,cr3,nef,arw,raf,orf,rw2,mp4,mov,m4v,mkv,webm,avi,mts,m2ts,ts,mxf,mpg,mpeg,3gp,wmv,insv,360}',
    ],
    steps: [
      { step: 'checksum', algorithms: ['sha256'] },
      { step: 'metadata', optional: true, timeoutMinutes: 10 },
      { step: 'thumbnail', optional: true, timeoutMinutes: 10 },
    ],
  }),
];
