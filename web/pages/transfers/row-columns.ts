// The columns of the table, shared by its header and its rows, and which of them give way where it is narrow.

/** Shared with the header, so that titles stand over their cells. */
export const columns =
  'grid grid-cols-[32px_116px_minmax(0,2.2fr)_minmax(0,1.3fr)_76px_minmax(0,230px)_86px_minmax(0,132px)_64px] items-center gap-x-3 px-3 @max-[1080px]:grid-cols-[32px_116px_minmax(0,2fr)_76px_minmax(0,230px)_86px_64px] @max-[820px]:grid-cols-[32px_104px_minmax(0,1fr)_72px_minmax(0,150px)_48px]';
/** Cells that give way first, second. */
export const wide = '@max-[1080px]:hidden';
export const roomy = '@max-[820px]:hidden';
