import { describe, expect, test } from 'vitest';
import { drawImages, pictureStyle } from '../../src/train/pictures.ts';

const size = { height: 3, width: 4 };
const cross = Uint8Array.of(0, 255, 0, 255, 255, 255, 0, 0, 0, 128, 127, 0);

describe('drawImages', () => {
  test('half blocks in two tones: two pixels in a character', () => {
    expect(drawImages([cross], size, [''], { style: 'unicode' })).toBe('▄█ ▀\n ▀  ');
  });

  test('ASCII: the mean of two pixels, darker ink for brighter pixels', () => {
    const ramp = Uint8Array.from({ length: 10 }, (_, i) => Math.floor(i * 25.6 + 13));
    expect(
      drawImages([Uint8Array.of(...ramp, ...ramp)], { height: 2, width: 10 }, [''], { style: 'ascii' }),
    ).toBe(' .:-=+*#%@');
    expect(drawImages([cross], size, [''], { style: 'ascii' })).toBe('=@ =\n :: ');
  });

  test('colour: grey above on grey below, named once for a run, reset at the end of the line', () => {
    const image = Uint8Array.of(0, 0, 255, 8, 0, 0, 128, 18);
    expect(drawImages([image], { height: 2, width: 4 }, [''], { style: 'color' })).toBe(
      '\u001b[38;5;16;48;5;16m▀▀\u001b[38;5;231;48;5;244m▀\u001b[38;5;232;48;5;233m▀\u001b[0m',
    );
  });

  test('side by side with captions, as many as fit into the line', () => {
    const text = drawImages([cross, cross, cross], size, ['4', 'is 9?!', 'ok'], {
      style: 'unicode',
      columns: 11,
    });
    expect(text.split('\n')).toEqual(['▄█ ▀  ▄█ ▀', ' ▀     ▀  ', '4     is ~', '', '▄█ ▀', ' ▀  ', 'ok']);
    expect(
      drawImages([cross, cross], size, undefined, { style: 'unicode', columns: 1 }).split('\n'),
    ).toHaveLength(5);
    expect(drawImages([], size)).toBe('');
  });

  test('refuses images of another size and missing captions', () => {
    expect(() => drawImages([cross], { height: 28, width: 28 })).toThrow(
      'image 0 has 12 bytes, but 28x28 takes 784',
    );
    expect(() => drawImages([cross], size, [])).toThrow('0 captions for 1 images');
  });
});

describe('pictureStyle', () => {
  const utf8 = { LANG: 'en_GB.UTF-8' };
  test.each<[string, { isTTY?: boolean }, Record<string, string>, string, string]>([
    ['a terminal', { isTTY: true }, utf8, 'linux', 'color'],
    ['a pipe', {}, utf8, 'linux', 'unicode'],
    ['NO_COLOR', { isTTY: true }, { ...utf8, NO_COLOR: '1' }, 'linux', 'unicode'],
    ['a dumb terminal', { isTTY: true }, { ...utf8, TERM: 'dumb' }, 'linux', 'ascii'],
    ['the C locale', { isTTY: true }, { ...utf8, LC_ALL: 'C' }, 'linux', 'ascii'],
    ['no locale', { isTTY: true }, {}, 'linux', 'ascii'],
    ['C.utf8', { isTTY: true }, { LC_ALL: '', LC_CTYPE: 'C.utf8' }, 'linux', 'color'],
    ['Windows', { isTTY: true }, {}, 'win32', 'color'],
  ])('%s', (_, output, env, platform, style) => {
    expect(pictureStyle(output, env, platform)).toBe(style);
  });
});
