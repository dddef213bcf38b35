import { checkCompiled } from './check.ts';

process.env.NABLA_TIER = 'wasm';
process.env.NABLA_THREADS = '2';
checkCompiled('wasm 2');
