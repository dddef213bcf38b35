import { checkInterpreter } from './check.ts';

checkInterpreter();
