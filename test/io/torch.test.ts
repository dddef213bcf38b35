import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Tensor, tensor } from '../../src/index.ts';
import {
  encodeZip,
  FormatError,
  fromTorch,
  loadTorch,
  loadTorchFile,
  loadTorchState,
  loadTorchTensors,
  readZip,
  type TorchValue,
} from '../../src/io/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';

// Written by PyTorch: scripts/fixtures/torch_files.py.
const path = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(path(name)));
const outputs: Record<string, number[]> = JSON.parse(readFileSync(path('torch_outputs.json'), 'utf8'));

const plain = (value: TorchValue): unknown =>
  value instanceof Tensor
    ? [value.dtype, [...value.shape], [...value.dataSync()].map(Number)]
    : Array.isArray(value)
      ? value.map(plain)
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
        : value;

const counted = Array.from({ length: 24 }, (_, i) => i);
const expected = {
  float32: ['float32', [2, 3, 4], counted.map((i) => i / 4)],
  float64: ['float64', [], [2.5]],
  float16: ['float32', [3], [1.5, -0.25, 65504]],
  bfloat16: ['float32', [2], [3.140625, -(2 ** 100)]],
  int64: ['int32', [2], [-3, 2 ** 31 - 1]],
  int32: ['int32', [1], [-(2 ** 31)]],
  int16: ['int32', [1], [-32768]],
  int8: ['int32', [1], [-128]],
  uint8: ['int32', [1], [255]],
  bool: ['bool', [2], [1, 0]],
  empty: ['float32', [0, 3], []],
  transposed: ['float32', [4, 2, 3], [0, 1, 2, 3].flatMap((k) => [0, 4, 8, 12, 16, 20].map((i) => i + k))],
  expanded: ['float32', [3, 2], [7, 8, 7, 8, 7, 8]],
  sliced: ['float32', [2], [2, 5]],
  rest: ['float32', [5], [5, 6, 7, 8, 9]],
  parameter: ['float32', [2], [1, 2]],
  plain: [
    ...[1, -1, 2 ** 40, 2n ** 70n, -(2n ** 70n), 1.5, true, false, null, 'text ∇', [1, 2], []],
    { a: [], 3: 'three' },
  ],
  ordered: { x: 1, y: { z: 2 } },
  size: [2, 3],
  set: [5],
};
const wide = {
  uint16: ['int32', [1], [65535]],
  uint32: ['uint32', [1], [2 ** 32 - 1]],
  uint64: ['uint32', [1], [2 ** 32 - 1]],
};

class Net extends nn.Module {
  firstConv = new nn.Conv2d(3, 3, 3);
  norm = new nn.BatchNorm2d(3);
  up = new nn.ConvTranspose2d(3, 2, 2, { stride: 2 });
  conv1d = new nn.Conv1d(2, 4, 3, { groups: 2 });
  fc = new nn.Linear(24, 5);
  layerNorm = new nn.LayerNorm(5);
  forward(x: Tensor): Tensor {
    const y = this.up.forward(this.norm.forward(this.firstConv.forward(x)).relu());
    return this.layerNorm.forward(this.fc.forward(this.conv1d.forward(y.mean(1)).flatten(1)));
  }
}

class Sequence extends nn.Module {
  embedding = new nn.Embedding(7, 4);
  lstm = new nn.LSTM(4, 3, { layers: 2, bidirectional: true });
  gru = new nn.GRU(6, 4);
  layer = new nn.TransformerEncoderLayer(4, 2, 8);
  forward(x: Tensor): Tensor {
    return this.layer.forward(this.gru.forward(this.lstm.forward(this.embedding.forward(x))[0])[0]);
  }
}

describe('files of torch.save', () => {
  test('every type, strides, shared storages and plain values, zip and legacy', async () => {
    expect(plain(await loadTorchFile(path('torch_zip.pt')))).toEqual({ ...expected, ...wide });
    expect(plain(await loadTorchFile(path('torch_legacy.pt')))).toEqual(expected);
    expect(plain(await loadTorchFile(path('torch_protocol4.pt')))).toEqual(expected);
  });

  test('options for 16-bit floats and 64-bit integers', async () => {
    const options = { keepHalf: true, int64: 'float64' } as const;
    const kept = await loadTorchTensors(path('torch_zip.pt'), options);
    expect(kept.float16.dtype).toBe('float16');
    expect(kept.bfloat16.dtype).toBe('bfloat16');
    expect(plain(kept.int64)).toEqual(['float64', [2], [-3, 2 ** 31 - 1]]);
  });

  test('every 8-bit float', async () => {
    const { e4m3, e4m3Wide, e5m2, e5m2Wide } = await loadTorchTensors(path('torch_float8.pt'));
    expect([...e4m3.dataSync()]).toEqual([...e4m3Wide.dataSync()]);
    expect([...e5m2.dataSync()]).toEqual([...e5m2Wide.dataSync()]);
    expect(e4m3.size).toBe(256);
  });

  test('a compressed archive, and a tensor that occurs twice', async () => {
    const files = await Promise.all(
      readZip(fixture('torch_zip.pt')).map(async ({ name, read }) => ({ name, bytes: await read() })),
    );
    expect(plain(await fromTorch(await encodeZip(files, { compress: true })))).toEqual({
      ...expected,
      ...wide,
    });
  });

  test('names what is not plain data, and executes nothing', async () => {
    const cases: [string, string][] = [
      ['torch_code.pt', 'it names __builtin__.eval, which is not plain data'],
      ['torch_model.pt', 'it names torch.nn.modules.linear.Linear, which is not plain data'],
      ['torch_script.pt', 'a TorchScript program (torch.jit.save), not plain data'],
    ];
    for (const [name, message] of cases) {
      await expect(loadTorchFile(path(name))).rejects.toThrow(FormatError);
      await expect(loadTorchFile(path(name))).rejects.toThrow(message);
      await expect(loadTorchFile(path(name))).rejects.toThrow(`${name}: `);
    }
  });

  test('says what is wrong with a file', async () => {
    const legacy = fixture('torch_legacy.pt');
    const ascii = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const archive = (pickle: string) => encodeZip([{ name: 'a/data.pkl', bytes: ascii(pickle) }]);
    const storage = "(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI4\ntQ";
    const view = (rest: string) => `ctorch._utils\n_rebuild_tensor\n(${storage}${rest}tR.`;
    const nested = '('.repeat(2000) + 't'.repeat(2000);
    const cases: [Uint8Array, string][] = [
      [ascii('nothing'), 'neither a zip archive nor a pickle'],
      [ascii('\x80\x02K\x01.'), 'a pickle, but not of torch.save'],
      [legacy.subarray(0, legacy.length - 1), 'truncated: storage'],
      [legacy.subarray(0, 200), 'truncated'],
      [await encodeZip([]), 'the archive has no data.pkl'],
      [await archive('K'), 'truncated'],
      [await archive('0.'), 'its stack is empty'],
      [await archive('t.'), 'a mark is missing'],
      [await archive('h\x05.'), 'it refers to value 5'],
      [await archive('\x82\x01.'), 'byte 0x82 at 0 is no operation'],
      [await archive('cos\nsystem\n(S"ls"\ntR.'), 'it names os.system, which is not plain data'],
      [await archive('ctorch\nfloat32\n)R.'), 'it calls torch.float32, which may only be mentioned'],
      [await archive(']q\x00h\x00a.'), 'a value contains itself'],
      [await archive(`${nested}.`), 'nested more than 1000 deep'],
      [await archive(view('I0\n(I2\nt(I1\nt')), 'needs storage 0, which is missing'],
      [await archive(view('I0\n(I2\nt(I1\nI1\nt')), 'a tensor of shape [2] has strides [1, 1]'],
      [await archive(view('I0\n(I99999999\nt(I0\nt')), 'take far more memory than the file has bytes'],
      [await archive("S'x'\nI1\n}s."), 'it sets an item of something'],
    ];
    for (const [bytes, message] of cases) {
      await expect(fromTorch(bytes, 'x.pt'), message).rejects.toThrow(FormatError);
      await expect(fromTorch(bytes, 'x.pt')).rejects.toThrow(/^x\.pt: /);
      await expect(fromTorch(bytes, 'x.pt')).rejects.toThrow(message);
    }
    const beyond = await encodeZip([
      { name: 'a/data.pkl', bytes: ascii(view('I3\n(I2\nt(I1\nt')) },
      { name: 'a/data/0', bytes: new Uint8Array(16) },
    ]);
    await expect(fromTorch(beyond, 'x.pt')).rejects.toThrow(
      'x.pt: a tensor of shape [2], strides [1] and offset 3 reaches beyond storage 0 of 16 bytes',
    );
    await expect(loadTorchFile(path('none.pt'))).rejects.toThrow('there is no such file');
  });
});

describe('loadTorch', () => {
  test('convolutions, norms and a flattened image compute what PyTorch computes', async () => {
    const net = new Net().eval();
    // conv1d gives [batch, 4 channels, 6] in PyTorch.
    const difference = await loadTorch(net, path('torch_net.pt'), { flattened: { fc: [4, 6] } });
    expect(difference).toEqual({ missing: [], unexpected: [] });
    const wave = tensor(
      Float32Array.from({ length: 216 }, (_, i) => Math.sin(i)),
      { shape: [2, 3, 6, 6] },
    );
    const y = net.forward(wave.transpose([0, 2, 3, 1]));
    expectClose(y.dataSync(), outputs.net, { rtol: 1e-5, atol: 1e-5 });
  });

  test('embedding, LSTM in both directions, GRU and attention compute what PyTorch computes', async () => {
    const model = new Sequence().eval();
    await loadTorch(model, path('torch_sequence.pt'));
    const y = model.forward(
      tensor(
        [
          [1, 2, 6, 0],
          [3, 3, 5, 4],
        ],
        { dtype: 'int32' },
      ),
    );
    expectClose(y.dataSync(), outputs.sequence, { rtol: 1e-5, atol: 1e-5 });
  });

  test('parts, renaming and what does not fit', async () => {
    const file = path('torch_net.pt');
    const fc = { flattened: { fc: [4, 6] } };
    await loadTorch(new Net(), file, { ...fc, part: 'state_dict' });
    await expect(loadTorch(new Net(), file, { part: 'ema.x' })).rejects.toThrow(
      'there is no ema.x; at ema there are epoch, state_dict, optimizer',
    );
    await expect(loadTorch(new Net(), file, { flattened: { fc: [4, 5] } })).rejects.toThrow(
      'fc.weight is [5, 24]',
    );
    await expect(loadTorch(new Net(), file, { flattened: { head: [4, 6] } })).rejects.toThrow(
      'no head.weight',
    );
    await expect(loadTorch(new Sequence(), file)).rejects.toThrow(
      /torch_net\.pt: .*missing: embedding.weight/,
    );
    await expect(loadTorch(new Sequence(), file)).rejects.toThrow('unexpected: first_conv.weight');

    class Head extends nn.Module {
      out = new nn.Linear(2, 3);
      forward(x: Tensor): Tensor {
        return this.out.forward(x);
      }
    }
    const weights = {
      'head.weight': tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
      'head.bias': tensor([1, 2, 3]),
      extra: tensor([1]),
    };
    const head = new Head();
    const rename = (name: string) => (name === 'extra' ? null : name.replace('head.', 'out.'));
    loadTorchState(head, weights, { rename });
    expect([...head.out.weight.value.dataSync()]).toEqual([1, 2, 3, 4, 5, 6]);
    loadTorchState(new Head(), weights, {
      rename: { 'head.weight': 'out.weight', 'head.bias': 'out.bias', extra: null },
    });
    expect(() => loadTorchState(new Head(), weights, { rename: { heat: 'x' } }, 'f.pt')).toThrow(
      'f.pt: rename: the file has no heat',
    );
    expect(loadTorchState(new Head(), weights, { strict: false })).toEqual({
      missing: ['out.weight', 'out.bias'],
      unexpected: ['head.weight', 'head.bias', 'extra'],
    });
  });

  test('kernels with equal axes move their channels, other parameters do not', () => {
    const conv = new nn.Conv2d(2, 2, 2, { bias: false });
    const kernel = tensor(Array.from({ length: 16 }, (_, i) => i)).reshape([2, 2, 2, 2]);
    loadTorchState(conv, { weight: kernel });
    expect([...conv.weight.value.dataSync()].slice(0, 8)).toEqual([0, 4, 1, 5, 2, 6, 3, 7]);
    loadTorchState(conv, { weight: kernel }, { isKernel: () => false });
    expect([...conv.weight.value.dataSync()].slice(0, 4)).toEqual([0, 1, 2, 3]);
  });
});
