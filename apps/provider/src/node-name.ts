/** Injection token of the name that answers and logs call this node. */
export const NODE_NAME = Symbol('NODE_NAME');
