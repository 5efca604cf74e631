/** Exit status for a command line or configuration that cannot be followed. */
export const EXIT_USAGE = 2;
/** EX_SOFTWARE of sysexits.h: a defect of Keyhole itself. */
export const EXIT_DEFECT = 70;

/** What a command's help says of them, below what is its own. */
export const EXIT_CODES = `
  2   the command line or the configuration is wrong
  3   this system lacks something that is needed
  70  a defect of Keyhole`;
