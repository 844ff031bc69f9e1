/**
 * The sub-path export `nestjs-load-balancer/socket`: the wire-compatible socket alone, for a stock Nest server or client.
 *
 * @example
 * ```ts
 * NestFactory.createMicroservice(AppModule, { transport: Transport.TCP, options: { port: 4001, socketClass: FastTcpSocket } });
 * ```
 */
export { FastTcpSocket, type FastTcpSocketOptions, type SendCallback } from './transport/fast-tcp-socket.js';
