/** The release this is: `ringhub --version`, `ringhub_build_info`. */
export const VERSION = '0.1.0';
