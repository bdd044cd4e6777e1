// What a file system calls itself, read from its first blocks: the name by which a card is known again.

/** Bytes from the beginning of a volume that `readVolumeId` wants to see. */
export const volumeHeadBytes = 68 * 1024;

const ascii = (head: Buffer, at: number, length: number) => head.toString('latin1', at, at + length);

/**
 * The UUID, or the serial number (`1234-ABCD`), as udev and blkid write it; of ext, FAT, exFAT, NTFS, XFS, btrfs and F2FS. Undefined where the
 * file system is another, or was never given one (all zero). The places are those of each format's description: ext4 and f2fs superblock at 1024, FAT boot sector
 * (Microsoft FAT specification, BS_VolID), exFAT specification 3.1 (VolumeSerialNumber), XFS sb_uuid, btrfs superblock at 64 KiB.
 */
export function readVolumeId(head: Buffer): string | undefined {
  if (head.length < 1024 + 136) return undefined;
  if (ascii(head, 3, 8) === 'EXFAT   ') return named(serial(head, 100));
  if (ascii(head, 3, 8) === 'NTFS    ') return named(hex(head, 72, 8, true));
  if (ascii(head, 0, 4) === 'XFSB') return named(uuid(head, 32));
  if (head.readUInt16LE(1024 + 56) === 0xef53) return named(uuid(head, 1024 + 104));
  if (head.readUInt32LE(1024) === 0xf2f52010) return named(uuid(head, 1024 + 108));
  if (head.length >= 65_536 + 72 && ascii(head, 65_536 + 64, 8) === '_BHRfS_M') return named(uuid(head, 65_568));
  if (head.readUInt16LE(510) !== 0xaa55) return undefined;
  if (ascii(head, 82, 5) === 'FAT32' && head[66] === 0x29) return named(serial(head, 67));
  if (ascii(head, 54, 3) === 'FAT' && head[38] === 0x29) return named(serial(head, 39));
  return undefined;
}

function named(id: string): string | undefined {
  return /^[0-]*$/.test(id) ? undefined : id;
}

/** As tools show it: 1234-ABCD. */
function serial(head: Buffer, at: number): string {
  const text = hex(head, at, 4, true);
  return `${text.slice(0, 4)}-${text.slice(4)}`;
}

function uuid(head: Buffer, at: number): string {
  const text = hex(head, at, 16, false).toLowerCase();
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join('-');
}

function hex(head: Buffer, at: number, length: number, isLittleEndian: boolean): string {
  const bytes = Buffer.from(head.subarray(at, at + length));
  return (isLittleEndian ? bytes.reverse() : bytes).toString('hex').toUpperCase();
}
