/** An app whose consumer asks for a service that nobody has declared, started as users start theirs. */
import { config, load } from './nest.mjs';

const { Module } = load('@nestjs/common');
const { NestFactory } = load('@nestjs/core');
const { BalancedClient, LoadBalancerModule } = load('nestjs-load-balancer');

const services = { orders: 'static:///127.0.0.1:9', users: 'static:///127.0.0.1:9' };
const declare = () => LoadBalancerModule.forRoot({ services });
const consume = () => {
  class OrderPage {}
  BalancedClient('orderz')(OrderPage, undefined, 0);
  return OrderPage;
};

// Which file is loaded first is an accident of the order of imports.
let imported, OrderPage;
if (config.first === 'module') [imported, OrderPage] = [declare(), consume()];
else [OrderPage, imported] = [consume(), declare()];

class AppModule {}
Module({ imports: [imported], providers: [OrderPage] })(AppModule);

await NestFactory.createApplicationContext(AppModule);
