/** The longest delay that Node's timers know, in milliseconds; with a longer one they fire at once. */
export const LONGEST_TIMER = 2_147_483_647;
