// The columns of the table, shared by its header and its rows, and which of them give way where it is narrow.

/** Shared with the header, so that titles stand over their cells. */
export const columns =
  'grid grid-cols-[20px_96px_minmax(0,2.2fr)_minmax(0,1fr)_72px_minmax(0,190px)_80px_minmax(0,180px)_48px] items-center gap-x-3 px-4 @max-[1080px]:grid-cols-[20px_96px_minmax(0,2fr)_72px_minmax(0,208px)_84px_52px] @max-[820px]:grid-cols-[20px_96px_minmax(0,1fr)_72px_minmax(0,150px)_44px]';
/** Cells that give way first, second. */
export const wide = '@max-[1080px]:hidden';
export const roomy = '@max-[820px]:hidden';
