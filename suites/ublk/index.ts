import './data.ts';
