/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What of the configuration of a kernel that gcc has built makes no sense to
 * clang (scripts/build-module). Included after that, by the compiler's options.
 */
#undef CONFIG_CC_IS_GCC
#define CONFIG_CC_IS_CLANG 1
/* Address spaces for what each CPU has its own of: clang's are not gcc's. */
#undef CONFIG_CC_HAS_NAMED_AS
#undef CONFIG_USE_X86_SEG_SUPPORT
