import { memoryHost } from '@sealkv/core/testing';
import { walkMatrix } from './walk-matrix.ts';

walkMatrix(memoryHost);
